// SPDX-License-Identifier: MPL-2.0

package sandboxtest_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/drstate/terraform-provider-dr/sandbox"
	"github.com/drstate/terraform-provider-dr/sandbox/engine"
	"github.com/drstate/terraform-provider-dr/sandbox/sandboxtest"
	"github.com/drstate/terraform-provider-dr/sandbox/scenario"
)

// What the scenario says of its network and its secret is so, in both regions.
func TestNetworkAndSecretOfTheScenario(t *testing.T) {
	t.Parallel()
	s := sandboxtest.Start(t, sandbox.Options{Scenario: scenario.TwoRegion, StateOnly: true, TimeScale: 600})
	keys := credentials.NewStaticCredentialsProvider(engine.WorkloadAccessKey, "x", "")
	for _, d := range s.Databases() {
		db, err := s.RDS().Describe(engine.WorkloadAccount, d.Region, d.Identifier)
		if err != nil {
			t.Fatal(err)
		}
		if *db.DBSubnetGroup.DBSubnetGroupName != scenario.SubnetGroup || *db.DBSubnetGroup.VpcId != scenario.VPC(d.Region) ||
			*db.DBParameterGroups[0].DBParameterGroupName != scenario.ParameterGroup || len(db.VpcSecurityGroups) != 1 ||
			*db.VpcSecurityGroups[0].VpcSecurityGroupId != scenario.DatabaseGroup(d.Region) {
			t.Errorf("%s: %+v", d.Identifier, db)
		}
		groups, err := ec2.New(ec2.Options{Region: d.Region, BaseEndpoint: aws.String(s.Endpoint()), Credentials: keys}).DescribeSecurityGroups(t.Context(),
			&ec2.DescribeSecurityGroupsInput{GroupIds: []string{scenario.FenceGroup(d.Region)}})
		if err != nil || len(groups.SecurityGroups[0].IpPermissions) != 0 || *groups.SecurityGroups[0].VpcId != scenario.VPC(d.Region) || *groups.SecurityGroups[0].GroupName != "orders-fence" {
			t.Errorf("%v: the fence group is %+v", err, groups)
		}
		secret, err := secretsmanager.New(secretsmanager.Options{Region: d.Region, BaseEndpoint: aws.String(s.Endpoint()), Credentials: keys}).GetSecretValue(t.Context(),
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(scenario.MasterSecret(d.Region))})
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			Engine, Host, Username, Password, DBName string
			Port                                     int
		}
		if err := json.Unmarshal([]byte(*secret.SecretString), &told); err != nil {
			t.Fatal("the secret is not what RDS writes")
		}
		if told.Engine != "postgres" || told.Host != d.Endpoint || told.Port != d.Port || told.Username != d.User || told.Password != d.Password || told.DBName != d.Name {
			t.Errorf("%s: the secret says %s:%d, %s, %s", d.Identifier, told.Host, told.Port, told.Username, told.DBName)
		}
	}
	// A fenced database's application is not healthy, without databases too.
	client := rds.New(rds.Options{Region: scenario.PrimaryRegion, BaseEndpoint: aws.String(s.Endpoint()), Credentials: keys})
	if _, err := client.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: aws.String(scenario.PrimaryID), VpcSecurityGroupIds: []string{scenario.FenceGroup(scenario.PrimaryRegion)},
	}); err != nil {
		t.Fatal(err)
	}
	c := &circle{t: t, s: s}
	c.until("the application cannot write behind a fence", func() bool {
		status, _ := do(t, "GET", s.Applications()[0].HTTP+"/health", "")
		db, err := s.RDS().Describe(engine.WorkloadAccount, scenario.PrimaryRegion, scenario.PrimaryID)
		return status == 503 && err == nil && *db.DBInstanceStatus == "available"
	})
}
